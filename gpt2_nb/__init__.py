__version__ = "0.1.0"


def _end_at_ctrl_c():
    "While a command imports, seconds of PyTorch, Ctrl-C is no traceback"
    import os, signal, sys
    name = os.path.basename(sys.argv[0])  # -m while `python -m` looks for it
    ours = any(a.startswith('gpt2_nb.') for a in sys.orig_argv)
    if name == '-m' and ours or name.startswith('gpt2-'):
        if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # run_command's turn


_end_at_ctrl_c()
