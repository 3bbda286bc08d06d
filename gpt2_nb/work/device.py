"""What this process may use: device, number format, cores, memory, and the data sheet's peak"""
import ctypes, math, os, platform, re, sys, time
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
import torch

def pick_device(
    name:str='auto',  # 'auto', 'cpu', 'cuda', 'cuda:1', 'mps'
)->torch.device:
    "The best device there is, or the named one if it is there"
    mps = torch.backends.mps.is_available()
    if name == 'auto':
        return torch.device('cuda' if torch.cuda.is_available()
                            else 'mps' if mps else 'cpu')
    kind,_,index = str(name).partition(':')
    n = dict(cpu=1, mps=int(mps), cuda=torch.cuda.device_count()).get(kind, 0)
    if not (index or '0').isdecimal() or int(index or 0) >= n:
        there = ['cpu'] + ['mps']*mps + [f'cuda:{i}' for i in
                                         range(torch.cuda.device_count())]
        raise ValueError(f"--device {name!r} is not here; there is "
                         f"{', '.join(there)}")
    return torch.device(name)

def sync(device:torch.device):
    "Wait until the device has done all that it was given"
    if device.type in ('cuda', 'mps'): getattr(torch, device.type).synchronize()

@lru_cache
def bf16_pays()->bool:
    "Does this CPU multiply bf16 matrices faster than fp32 ones?"
    caps = getattr(torch.cpu, 'get_capabilities', dict)()  # torch ≥2.11
    if caps.get('amx_bf16') or not caps.get('avx512_bf16'):
        return bool(caps.get('amx_bf16'))
    return matmul_flops(torch.device('cpu'), torch.bfloat16, 512) > \
        1.2*matmul_flops(torch.device('cpu'), torch.float32, 512)

def pick_dtype(device:torch.device, name:str='auto')->torch.dtype:
    "The format of matrix products: the named one, or bf16 where it pays"
    if name not in ('auto', 'bf16', 'fp32'): raise ValueError(
        f"dtype {name!r} is not known, expected auto, bf16 or fp32")
    if name == 'auto' and device.type == 'cuda':
        ok = torch.cuda.is_bf16_supported(False)  # in hardware, not emulated
    elif name == 'auto': ok = device.type == 'cpu' and bf16_pays()
    else: ok = name == 'bf16'
    return torch.bfloat16 if ok else torch.float32

def autocast(device:torch.device, dtype:torch.dtype):
    "Context in which matrix products run in `dtype`; fp32 changes nothing"
    if dtype == torch.float32: return nullcontext()
    return torch.autocast(device.type, dtype)

def keep_memory()->bool:  # is it done?
    "Have glibc keep freed memory for the next step, for good"
    try: mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, TypeError): return False  # another C library
    mmap,trim = -3,-1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h
    return bool(mallopt(mmap, 2**30) and mallopt(trim, 2**31-1))

def settle_memory(device:torch.device):
    "Tell the device's allocator what suits training; before its first use"
    if device.type == 'cpu': keep_memory()
    given = {'PYTORCH_ALLOC_CONF', 'PYTORCH_CUDA_ALLOC_CONF'} & {*os.environ}
    if device.type != 'cuda' or sys.platform != 'linux' or given: return
    settings = getattr(torch._C, '_accelerator_setAllocatorSettings', None) or \
        torch.cuda.memory._set_allocator_settings  # older torch
    settings('expandable_segments:True')
    try: torch.zeros(1, device=device)
    except RuntimeError: settings('expandable_segments:False')

PEAK_TFLOPS = {
    'B200': 2250., 'H200': 989., 'H100': 989., 'H100 PCIe': 756., 'A100': 312.,
    'L4': 121., 'GeForce RTX 4090': 165., 'GeForce RTX 3090': 71.,
    'Tesla T4': 65.}

def find_peak(name:str)->float:  # TFLOP/s, or None
    "Look a GPU up by its whole name, memory size and socket aside"
    for k in sorted(PEAK_TFLOPS, key=len, reverse=True):
        rest = r'([ -](SXM\d?|PCIe|\d+GB|HBM\d\w?))*'
        if re.fullmatch(rf'(NVIDIA )?{k}{rest}', name, re.I):
            return PEAK_TFLOPS[k]

def peak_flops(device:torch.device)->float:  # FLOP/s, or None
    "Look the device's data-sheet peak in dense bf16 up"
    if device.type != 'cuda': return None
    peak = find_peak(torch.cuda.get_device_name(device))
    return peak and peak*1e12

def peak_gb(device:torch.device)->float:  # 10⁹ bytes, or None
    "Most memory that this process has held"
    if device.type == 'cuda': return torch.cuda.max_memory_allocated()/1e9
    if device.type == 'mps': return torch.mps.driver_allocated_memory()/1e9
    try: from resource import RUSAGE_SELF, getrusage
    except ImportError: return None
    unit = 1 if sys.platform == 'darwin' else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss*unit/1e9

def cpu_name()->str:
    "As Linux spells it, or what Python knows"
    info = Path('/proc/cpuinfo')
    found = re.search(r'model name\s*: (.*)',
                      info.read_text() if info.exists() else '')
    name = found[1] if found else platform.processor() or 'CPU'
    return f'{name}, {torch.get_num_threads()} thread(s)'

def room(device:torch.device)->float:
    "Bytes that this process may still take; infinite where nobody says"
    if device.type == 'cuda': return torch.cuda.mem_get_info(device)[0]
    said = lambda file,key: 1024*int(re.search(
        rf'{key}:\s*(\d+)', Path(file).read_text())[1])
    try:
        from resource import RLIMIT_AS, getrlimit
        limit = getrlimit(RLIMIT_AS)[0]
        mine = limit-said('/proc/self/status', 'VmSize')
        return min(said('/proc/meminfo', 'MemAvailable'),
                   mine if limit > 0 else math.inf)
    except (ImportError, OSError): return math.inf

def _n_cores():
    "Cores that this process may use"
    if hasattr(os, 'sched_getaffinity'): return len(os.sched_getaffinity(0))
    return os.cpu_count()
