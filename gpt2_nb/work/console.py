"""One command line for all commands: flags with ranges, errors in one line, exit codes, one table"""
import argparse, io, json, math, os, sys, time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, get_args, get_origin
from inspect import Parameter, signature
from fastcore.docments import docments

empty = Parameter.empty

@dataclass(frozen=True)
class Limits:
    "What the value of a flag may be: a number in a range, or one of some names"
    low:float=-math.inf
    high:float=math.inf
    above:bool=False   # must it be above `low`, not only at least that?
    names:tuple=()

    def allow(self, value)->bool:
        if self.names: return value in self.names
        if isinstance(value, float) and not math.isfinite(value): return False
        return (value > self.low if self.above else value >= self.low
                ) and value <= self.high

    def __str__(self):
        if self.names: return f"one of {', '.join(self.names)}"
        low = f"{'above' if self.above else 'at least'} {self.low:g}"
        if self.high in (math.inf, 2**63-1): return low
        return f'{low} and at most {self.high:,}'

Count = Annotated[int, Limits(1, 2**63-1)]
Natural = Annotated[int, Limits(0, 2**63-1)]
Seed = Annotated[int, Limits(-2**63, 2**63-1)]
Positive = Annotated[float, Limits(0, above=True)]
NonNegative = Annotated[float, Limits(0)]
Share = Annotated[float, Limits(0, 1, above=True)]

def one_of(*names):
    "Type of a flag that is one of some names"
    return Annotated[str, Limits(names=names)]

def check_flags(
    owner,        # function or dataclass whose annotations hold the limits
    values:dict,  # name -> value; None is always allowed
):
    "Raise ValueError for the first value that is outside of its limits"
    for name,p in docments(owner, full=True).items():
        if values.get(name) is None: continue
        for limits in getattr(p.anno, '__metadata__', ()):
            value = values[name]
            kind = get_args(p.anno)[0]
            ok = isinstance(value, (int, float) if kind is float else kind)
            if not (ok and limits.allow(value)): raise ValueError(
                f"--{name} {value}: expected {limits}")

def yes_or_no(text:str)->bool:
    "Read a switch"
    known = dict(yes=True, true=True, on=True, no=False, false=False, off=False)
    known |= {'1': True, '0': False}
    if text.lower() not in known: raise argparse.ArgumentTypeError(
        f"{text!r}: expected yes or no")
    return known[text.lower()]

def make_parser(
    owner,      # function or dataclass; a comment a parameter is its help
    prog:str,   # name in messages
)->argparse.ArgumentParser:
    "Flags from parameters, spelled with `_` or `-`; without default: positional"
    parser = argparse.ArgumentParser(
        prog, description=owner.__doc__, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    for name,p in docments(owner, full=True).items():
        if name.startswith('_') or name == 'return': continue
        kind = get_args(p.anno)[0] if get_origin(p.anno) is Annotated else p.anno
        text = (p.docment or '').replace('%', '%%')
        if p.default is empty: parser.add_argument(
            name, nargs='+' if kind is list else None, help=text)
        else:
            how = dict(type=yes_or_no, nargs='?', const=True, metavar='YES|NO'
                       ) if kind is bool else dict(type=kind, metavar=kind.__name__)
            if p.default not in (None, False, ''): text += f' [{p.default}]'
            parser.add_argument(
                *dict.fromkeys([f'--{name}', f"--{name.replace('_', '-')}"]),
                dest=name, default=argparse.SUPPRESS, help=text, **how)
    return parser

def say_and_exit(
    line:str,
    code:int,       # exit code
    wait:float=5.,  # seconds that ranks above 0 leave rank 0 to speak first
):
    "End with one line on stderr; `torchrun` gets it for its report as well"
    if int(os.environ.get('RANK', 0)): time.sleep(wait)
    print(line, file=sys.stderr, flush=True)
    if report := os.environ.get('TORCHELASTIC_ERROR_FILE'):
        info = dict(message=line,
                    extraInfo=dict(timestamp=str(int(time.time()))))
        Path(report).write_text(json.dumps(dict(message=info)))
    sys.exit(code)

@contextmanager
def exit_on_bad_input(
    prog:str,       # name that the line starts with
    wait:float=5.,  # seconds that ranks above 0 leave rank 0 to speak first
):
    "Turn an error about the user's input into one line and exit code 2"
    try: yield
    except (ValueError, OSError) as e: say_and_exit(f'{prog}: {e}', 2, wait)

def command(func=None, settings=None):
    "Have `python -m` call `func`; flags are its parameters or `settings`' fields"
    if func is None: return lambda f: command(f, settings)
    owner = settings or func

    @wraps(func)
    def checked(*args, **kwargs):
        given = signature(func).bind(*args, **kwargs).arguments
        with exit_on_bad_input(checked.prog):
            check_flags(owner, given | given.get('flags', {}))
        return func(*args, **kwargs)

    def cli():
        parser = make_parser(owner, checked.prog)
        parser.description = func.__doc__
        parser.error = lambda message: say_and_exit(
            f'{parser.prog}: {message}; --help lists the flags', 2)
        flags = vars(parser.parse_args())
        if isinstance(sys.stdout, io.TextIOWrapper):  # no 👋 in its encoding?
            sys.stdout.reconfigure(errors='replace')
        try:
            checked(**flags)
            sys.stdout.flush()
        except KeyboardInterrupt: say_and_exit(f'{checked.prog}: stopped', 130)
        except BrokenPipeError:  # Python must not flush once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128+13)

    asked = func.__module__ == '__main__' and func.__globals__.get('__spec__')
    name = func.__globals__['__spec__'].name if asked else func.__module__
    checked.prog = name.rpartition('.')[-1]
    checked.cli = cli
    if asked: cli()
    return checked

def table(
    rows:list,     # of dicts
    columns:dict,  # key -> heading, or (heading, format), in order
)->'pandas.DataFrame':  # of texts; a column that is empty in all rows is left out
    "Show rows as a table: on a terminal, in a notebook, or `.to_markdown`"
    import pandas as pd
    res = {}
    for key,how in columns.items():
        head,form = how if isinstance(how, tuple) else (how, '{}')
        values = [r.get(key) for r in rows]
        if all(v in (None, '') for v in values): continue
        res[head] = ['–' if v in (None, '') else form.format(v) for v in values]
    return pd.DataFrame(res)
