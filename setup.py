"All facts are in settings.ini; this file only hands them to setuptools"
from configparser import ConfigParser
from pathlib import Path
from shutil import copytree
from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

parser = ConfigParser(delimiters=['='])
parser.read('settings.ini', encoding='utf-8')
cfg = parser['DEFAULT']
lines = lambda s: [l.strip() for l in s.splitlines() if l.strip()]
licenses = {'apache2': 'Apache-2.0'}

class BuildWithLogs(build_py):
    "Chapters 11 and 13 read the committed logs, also where the wheel is all there is"
    def run(self):
        super().run()
        if not self.editable_mode: copytree('nbs/logs', Path(self.build_lib)/'gpt2_nb/logs', dirs_exist_ok=True)

setup(
    cmdclass={'build_py': BuildWithLogs},
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'],
    long_description=Path('README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author=cfg['author'], author_email=cfg['author_email'], url=cfg['git_url'],
    license=licenses[cfg['license']], keywords=cfg['keywords'],
    packages=find_packages(include=['gpt2_nb', 'gpt2_nb.*']),
    package_data={cfg['lib_name']: ['*.mplstyle']}, zip_safe=False,
    python_requires=f">={cfg['min_python']}",
    install_requires=cfg['requirements'].split(),
    extras_require={'dev': cfg['dev_requirements'].split(),
                    'lm-eval': cfg['lm_eval_requirements'].split()},
    entry_points={'console_scripts': lines(cfg['console_scripts']),
                  'nbdev': [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"]},
    classifiers=['Programming Language :: Python :: 3',
                 'Intended Audience :: Developers',
                 'Intended Audience :: Education'])
