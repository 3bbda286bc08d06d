"""Two corpora small enough to read: what Python says of itself, and Tiny Shakespeare"""
import ast, random, sysconfig, sys, warnings
from functools import cache
from pathlib import Path
from gpt2_nb.work.files import data_file

SHAKESPEARE = ('https://raw.githubusercontent.com/karpathy/char-rnn/master/'
               'data/tinyshakespeare/input.txt')

SHAKESPEARE_SHA256 = ('86c4e6aa9db7c042ec79f339dcb96d42'
                      'b0075e16b8fc2e86bf0ca57e2dc565ed')

def shakespeare()->list:  # of one document
    "Tiny Shakespeare, 1,115,394 bytes"
    path = data_file('tinyshakespeare.txt', SHAKESPEARE, SHAKESPEARE_SHA256)
    return [path.read_text(encoding='utf-8')]

def docstrings(
    path:str,  # a Python source file; it is parsed, never imported
)->list:       # its docstrings, module's first
    "Collect the docstrings of one source file"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            tree = ast.parse(Path(path).read_bytes())
    except (SyntaxError, ValueError): return []
    kinds = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    found = (ast.get_docstring(n) for n in ast.walk(tree)
             if isinstance(n, kinds))
    return [d for d in found if d]

def drop_repeats(
    docs:list,       # documents; of two that are alike the first stays
    n:int=5,         # words in a sequence
    share:float=.3,  # of a document's sequences that may have been seen
)->list:
    "Leave out documents that mostly repeat earlier ones"
    seen,kept = set(),[]
    for doc in docs:
        w = doc.split()
        grams = {tuple(w[i:i+n]) for i in range(max(1, len(w)-n+1))}
        if len(grams & seen) > share*len(grams): continue
        seen |= grams
        kept.append(doc)
    return kept

SKIP = {'test', 'tests', 'idlelib', 'lib2to3', 'turtledemo', 'ensurepip',
        'pydoc_data'}

def pydocs()->list:  # of documents, in an order that is always the same
    "Collect what Python says of itself: help topics and docstrings"
    from pydoc_data.topics import topics
    lib = Path(sysconfig.get_path('stdlib'))
    docs = [t.strip() for t in topics.values()]
    own = sys.stdlib_module_names | {'__hello__', '__phello__'}  # not listed
    for top in sorted(lib.iterdir()):
        if top.name.split('.')[0] not in own: continue
        for path in sorted(top.rglob('*.py')) if top.is_dir() else [top]:
            if not SKIP & set(path.relative_to(lib).parts):
                docs += docstrings(path)
    random.Random(1337).shuffle(docs)
    return drop_repeats(docs)

def split_docs(
    docs:list,           # documents, already shuffled; a single one is cut
    val_frac:float=.05,  # share of the documents that is held out
)->tuple:                # train and val documents, two lists
    "Hold out the first documents; of a single one, its beginning"
    if len(docs) == 1:
        text,n = docs[0],max(1, int(len(docs[0])*val_frac))
        return [text[n:]], [text[:n]]
    n = max(1, int(len(docs)*val_frac))
    return docs[n:], docs[:n]

BUILT_IN = dict(pydocs=cache(pydocs), shakespeare=cache(shakespeare))
