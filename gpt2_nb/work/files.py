"""Files that are whole or not there: atomic writes, JSON, hashes, the cache, downloads"""
import hashlib, json, os, shutil
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

@contextmanager
def replace_file(
    path:str,  # final name
):             # yields a temporary `Path` in the same folder
    "Write to a temporary name; fsync and rename when the block ends well"
    path = Path(path)
    tmp = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        yield tmp
        with open(tmp, 'rb+') as f: os.fsync(f.fileno())
        os.replace(tmp, path)
    finally: tmp.unlink(missing_ok=True)

def write_json(
    path:str,
    obj,        # plain types
    indent=1,
):
    "Write a JSON file, whole or not at all"
    with replace_file(path) as tmp:
        tmp.write_text(json.dumps(obj, indent=indent)+'\n', encoding='utf-8')

def read_json(
    path:str,
)->dict:
    "Read a JSON object; raise ValueError, naming the file, if it is none"
    try: return dict(json.loads(Path(path).read_text(encoding='utf-8')))
    except (ValueError, TypeError) as e:
        raise ValueError(f"{path}: not a JSON object ({e})") from None

def sha256(
    path:str,  # file to read
)->str:        # 64 hexadecimal digits
    "Hash a file"
    with open(path, 'rb') as f:
        if hasattr(hashlib, 'file_digest'):  # Python ≥3.11
            return hashlib.file_digest(f, 'sha256').hexdigest()
        h = hashlib.sha256()
        while block := f.read(1<<20): h.update(block)
        return h.hexdigest()

def fsync_dir(folder:str):
    "Make the names in a folder durable (a no-op on Windows)"
    if os.name == 'nt': return
    fd = os.open(folder, os.O_RDONLY)
    try: os.fsync(fd)
    finally: os.close(fd)

def cache_dir()->Path:
    "Folder for what we make or download: `$GPT2_NB_CACHE`, or ~/.cache/gpt2_nb"
    path = Path(os.environ.get('GPT2_NB_CACHE') or '~/.cache/gpt2_nb')
    return path.expanduser()

def data_file(
    name:str,    # file name, the same in `$GPT2_NB_DATA`, cache and download
    url:str,     # where to fetch it from
    digest:str,  # its sha256
)->Path:
    "Find a file in `$GPT2_NB_DATA` or the cache, or download it into the cache"
    given = os.environ.get('GPT2_NB_DATA')
    if given and (Path(given)/name).is_file(): return Path(given)/name
    path = cache_dir()/name
    if path.is_file(): return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path) as tmp:
        try:
            with urlopen(url, timeout=30) as src, open(tmp, 'wb') as dst:
                shutil.copyfileobj(src, dst)
        except (OSError, HTTPException) as e: raise FileNotFoundError(
            f"{name} could not be downloaded from {url} ({e}); offline, put "
            "it into a folder and name the folder in GPT2_NB_DATA") from None
        if (found := sha256(tmp)) != digest: raise ValueError(
            f"{url}: sha256 is {found}, expected {digest}: cut off, or not "
            "the file; try again, or name its folder in GPT2_NB_DATA")
    return path
