"""A tokenizer in a folder: train, save, find, and give it to tiktoken"""
import codecs, hashlib, json
from pathlib import Path
import numpy as np, tiktoken
from gpt2_nb.work.files import read_json, replace_file

def byte_chars()->dict:  # printable character -> byte value
    "Give GPT-2's spelling of the 256 bytes as printable characters"
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in keep]
    return ({chr(b): b for b in keep} |
            {chr(256+i): b for i,b in enumerate(rest)})

def to_bytes(
    token:str,   # in GPT-2's spelling
    chars:dict,  # of byte_chars
)->bytes:
    "Undo GPT-2's spelling of a token"
    return bytes(chars[c] for c in token)

EOT = '<|endoftext|>'

GPT2_PAT = (r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++"
            r"|\s++$|\s+(?!\S)|\s")

def make_encoding(
    name:str,
    vocab:dict,  # token in GPT-2's spelling -> id; ids rise with rank
)->tiktoken.Encoding:
    "Give a byte-level BPE to `tiktoken`; end-of-text is its only special token"
    chars = byte_chars()
    ranks = {to_bytes(t, chars): i for t,i in vocab.items() if t != EOT}
    return tiktoken.Encoding(name, pat_str=GPT2_PAT, mergeable_ranks=ranks,
                             special_tokens={EOT: vocab.get(EOT, len(ranks))})

def train_bpe(
    texts:list,      # documents to learn the merges from
    vocab_size:int,  # tokens, the end-of-text token included; at least 257
)->tiktoken.Encoding:
    "Learn a byte-level BPE with `tokenizers`; give it to `tiktoken` to run"
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    if vocab_size < 257:
        raise ValueError(f"vocab_size is {vocab_size}, expected at least 257: "
                         "256 bytes and the end-of-text token")
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocab_size-1, initial_alphabet=alphabet,
        show_progress=False))
    return make_encoding('bpe', tok.get_vocab())

def ranks_of(
    enc:tiktoken.Encoding,
)->dict:  # bytes -> id of all tokens but the special one
    "What `tiktoken` keeps for itself; nothing else here reads its private state"
    return enc._mergeable_ranks

def tokenizer_digest(enc:tiktoken.Encoding)->str:  # 64 hexadecimal digits
    "Hash a tokenizer's tokens and ids"
    tokens = sorted(ranks_of(enc).items())
    return hashlib.sha256(repr(tokens).encode()).hexdigest()

def same_tokenizer(a:tiktoken.Encoding, b:tiktoken.Encoding)->bool:
    "Do two tokenizers give every text the same tokens?"
    return ranks_of(a) == ranks_of(b) and a.eot_token == b.eot_token

def copy_encoding(
    enc:tiktoken.Encoding,  # byte-level BPE with GPT-2's word pattern
)->tiktoken.Encoding:
    "An encoding of a thread's own: threads that share one wait for each other"
    return tiktoken.Encoding(
        enc.name, pat_str=GPT2_PAT, mergeable_ranks=ranks_of(enc),
        special_tokens={EOT: enc.eot_token})

def split_token(
    token:bytes,  # a token of two bytes or more
    ranks:dict,   # bytes -> id of all tokens
)->list:          # the two tokens that it was merged from
    "Find a token's last merge by merging its bytes in order of rank"
    parts = [token[i:i+1] for i in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(a+b, len(ranks)) for a,b in zip(parts, parts[1:])]
        i = pairs.index(min(pairs))
        parts[i:i+2] = [parts[i]+parts[i+1]]
    return parts

def save_tokenizer(
    enc:tiktoken.Encoding,      # byte-level BPE with GPT-2's word pattern
    folder:str,                 # made if it is not there
    model_max_length:int=None,  # tokens that the model beside it reads
):
    "Write `tokenizer.json` as `tokenizers` and `transformers` read it"
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    ranks = ranks_of(enc)
    names = {b: c for c,b in byte_chars().items()}
    def spell(token): return ''.join(names[b] for b in token)
    tokens = sorted(ranks, key=ranks.get)
    vocab = {spell(t): ranks[t] for t in tokens} | {EOT: enc.eot_token}
    merges = [tuple(map(spell, split_token(t, ranks)))
              for t in tokens if len(t) > 1]
    tok = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens([EOT])
    conf = dict(tokenizer_class='PreTrainedTokenizerFast', eos_token=EOT,
                bos_token=EOT, clean_up_tokenization_spaces=False)
    if model_max_length: conf['model_max_length'] = model_max_length
    with replace_file(folder/'tokenizer.json') as tmp:
        tmp.write_text(tok.to_str(), encoding='utf-8')
    with replace_file(folder/'tokenizer_config.json') as tmp:
        tmp.write_text(json.dumps(conf), encoding='utf-8')

def read_vocab(
    file:Path,  # `tokenizer.json`, or `vocab.json` of an older GPT-2 folder
)->dict:        # token in GPT-2's spelling -> id
    "Read the vocabulary of a tokenizer that works like GPT-2's; refuse others"
    spec = read_json(file)
    if file.name == 'tokenizer.json':
        model = spec.get('model') or {}
        cut = spec.get('pre_tokenizer') or {}
        for what,got,want in (
            ('model', model.get('type', 'BPE'), 'BPE'),
            ('byte_fallback', model.get('byte_fallback', False), False),
            ('pre_tokenizer', cut.get('type'), 'ByteLevel'),
            ('add_prefix_space', cut.get('add_prefix_space'), False),
            ('use_regex', cut.get('use_regex', True), True),
            ('normalizer', spec.get('normalizer'), None)):
            if got != want: raise ValueError(
                f"{file}: {what} is {got!r}, expected {want!r} as in GPT-2's")
        spec = model.get('vocab', {})
    if not set(byte_chars()) <= spec.keys(): raise ValueError(
        f"{file}: some of the 256 bytes have no token, expected a byte-level "
        "BPE like GPT-2's")
    return spec

def tokenizer_file(
    folder:str,
)->Path:  # or None
    "Find the file that holds a folder's tokenizer"
    files = (Path(folder)/f for f in ('tokenizer.json', 'vocab.json'))
    return next((f for f in files if f.is_file()), None)

def real_vocab_size(
    folder:str,  # of a model
)->int:          # tokens, added ones included; None without a tokenizer
    "How many tokens the tokenizer beside a model has"
    file = tokenizer_file(folder)
    if not file: return None
    spec = read_json(file)
    if file.name == 'tokenizer.json':
        ids = {*spec['model']['vocab'].values()}
        ids |= {t['id'] for t in spec.get('added_tokens', [])}
    else:
        added = file.with_name('added_tokens.json')
        ids = {*spec.values()}
        if added.is_file(): ids |= {*read_json(added).values()}
    return max(ids)+1

def get_tokenizer(
    name_or_path:str='gpt2',  # 'gpt2', or a folder that holds a tokenizer
)->tiktoken.Encoding:
    "GPT-2's BPE as `tiktoken` has it, or one kept with a model or a data set"
    if str(name_or_path) != 'gpt2':
        if file := tokenizer_file(name_or_path):
            return make_encoding(Path(name_or_path).name, read_vocab(file))
        raise FileNotFoundError(f"{name_or_path}: no tokenizer.json or "
            "vocab.json there; expected 'gpt2' or a folder with a tokenizer")
    try: return tiktoken.get_encoding('gpt2')
    except Exception as e:  # offline, cut off, a cache that is read-only
        raise FileNotFoundError(
            f"tiktoken could not fetch GPT-2's BPE ({type(e).__name__}); try "
            "again, or offline set TIKTOKEN_CACHE_DIR to a folder that "
            "another machine's tiktoken has filled") from None

def find_tokenizer(
    folder:str,  # of a model or a data set
)->tiktoken.Encoding:
    "Read the tokenizer that is kept in `folder`; without one it is GPT-2's"
    own = tokenizer_file(folder)
    return get_tokenizer(own.parent.absolute() if own else 'gpt2')

def decode_document(
    enc:tiktoken.Encoding,
    toks:list,  # token ids
)->str:         # text up to the first end-of-text token that follows another
    "Decode the first document of `toks`"
    if toks and toks[0] == enc.eot_token: toks = toks[1:]
    if enc.eot_token in toks: toks = toks[:toks.index(enc.eot_token)]
    return enc.decode(toks)

def decode_stream(
    enc:tiktoken.Encoding,
    toks,  # iterator of token ids
):         # yields str
    "Decode token by token up to end-of-text; a character waits for its bytes"
    utf8 = codecs.getincrementaldecoder('utf-8')('replace')
    for t in toks:
        if t == enc.eot_token: break
        yield utf8.decode(enc.decode_single_token_bytes(t))
    yield utf8.decode(b'', final=True)

def encode_docs(
    enc:tiktoken.Encoding,
    docs:list,           # texts
    goes_on:bool=False,  # does the first one continue an earlier document?
)->np.ndarray:           # 1-D uint16: each document after an end-of-text token
    "Tokenise documents; what they say is text, even '<|endoftext|>'"
    parts = []
    for doc in docs:
        try: ids = enc.encode_to_numpy(doc, disallowed_special=())
        except UnicodeEncodeError: ids = enc.encode_ordinary(doc)
        parts += [[enc.eot_token], ids]
    return np.concatenate([np.empty(0, np.uint16), *parts[goes_on:]],
                          dtype=np.uint16, casting='unsafe')

def token_bytes(
    enc:tiktoken.Encoding,
)->np.ndarray:  # (n_vocab,) int64; the end-of-text token stands for no byte
    "How many bytes of text each token stands for"
    size = np.zeros(enc.n_vocab, np.int64)
    for token,i in ranks_of(enc).items(): size[i] = len(token)
    return size
