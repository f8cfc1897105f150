#!/usr/bin/python3
"""Each command that README and the guides show is taken as it is written there: no program of ours says
"wrong usage" (64) to it, and each target of make exists. They run in an empty folder and beside no lane, so
what they would have done is not done; what it would be is other tests' matter."""
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

SRCDIR = os.environ.get("SRCDIR", ".")
BUILD = os.environ["LANED_BUILD"]
OURS = ("lanectl", "laned", "laned-bio", "laned-adapter")
USAGE = 64
PLACEHOLDERS = re.compile(r"[\[\]{}…]|\.\.\.")


def blocks(text):
    """The lines of indented and fenced code, continued lines joined."""
    fenced, pending = False, ""
    for line in text.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
            continue
        if not fenced and not line.startswith("    "):
            continue
        line = pending + line.strip()
        pending = ""
        if line.endswith("\\"):
            pending = line[:-1] + " "
            continue
        yield line


def words_of(line):
    """Its words as a shell has them, as far as the command itself goes; what is explained beside it, behind
    many blanks, is cut off."""
    lexer = shlex.shlex(re.sub(r"(?<=\S) {3,}.*$", "", line), posix=True,
                        punctuation_chars="|<>&;")
    lexer.commenters = "#"
    words = []
    for word in lexer:
        if set(word) <= set("|<>&;"):
            return words[:-1] if words[-1:] == ["2"] else words
        words.append(word)
    return words


def commands(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    shown = list(blocks(text))
    # In a sentence a bare name is a name; a whole command has something of its own to work on.
    shown += [x for x in re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
              if not re.fullmatch(r"[a-z-]+( -{0,2}[a-z-]+)*", x) and "COMMAND" not in x]
    for line in shown:
        line = re.sub(r"^(?:[$#] |sudo (?:-u \S+ )?)+", "", line)
        word = line.split(" ")[0]
        if (word in OURS or word == "make") and " " in line and not PLACEHOLDERS.search(line):
            yield tuple(words_of(line))


def targets():
    done = subprocess.run(["make", "-pRrq", "-f", os.path.join(SRCDIR, "Makefile"), "--no-print-directory",
                           "DEPS=0", "clean"], capture_output=True, text=True, check=False)
    return set(re.findall(r"^([a-z][a-z-]*):", done.stdout, re.M))


def of_lanectl():
    """The options of each command, and those that stand before any, as its page has them."""
    with open(os.path.join(SRCDIR, "docs", "man", "lanectl.1"), encoding="utf-8") as f:
        head, *items = re.split(r"^\.It Ic ", f.read(), flags=re.M)
    options = {"": set(re.findall(r"Fl -([a-z-]+)", head))}
    for item in items:
        name = re.match(r"[a-z-]+( [a-z-]+)?", item).group(0)
        options.setdefault(name, set()).update(re.findall(r"Fl -([a-z-]+)", item))
    return options


def is_unknown(line, options):
    """What lanectl looks at behind its connection only: an option that the command does not have."""
    words = list(line[1:])
    while words and words[0].startswith("-"):
        del words[:2 if words[0] in ("--conf", "--socket") else 1]
    name = " ".join(words[:2]) if " ".join(words[:2]) in options else (words or [""])[0]
    for word in line[1:]:
        if word.startswith("--") and word[2:] not in options.get(name, set()) | options[""]:
            return "%s has no %s" % (name, word)
    return None


def is_wrong(line, folder):
    words = ["FILE.json" if word == "FILE" else word for word in line]
    env = dict(os.environ, LANED_CONF=os.path.join(folder, "laned.conf"))
    if "--conf" in words:  # it would be this machine's
        words[words.index("--conf") + 1] = env["LANED_CONF"]
    if words[0] != "lanectl" and not set(words) & {"-t", "--describe", "--conform", "--conform-list",
                                                   "--help", "--version", "--print-template",
                                                   "--print-mdoc"}:
        return None  # a daemon that would stay
    done = subprocess.run([os.path.join(BUILD, words[0])] + words[1:], cwd=folder, env=env, timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode == USAGE or done.returncode < 0 else None


def main():
    known, options = targets(), of_lanectl()
    failures, count = 0, 0
    with tempfile.TemporaryDirectory(prefix="docs") as folder:
        with open(os.path.join(folder, "laned.conf"), "w", encoding="ascii") as f:
            f.write("[paths]\nrun = %s\nstate = %s\nadapters = %s\n" % (folder, folder, folder))
        pages = sorted(glob.glob(os.path.join(SRCDIR, "docs", "*.md")))
        for path in pages + [os.path.join(SRCDIR, "README.md")]:
            for line in sorted(set(commands(path))):
                count += 1
                if line[0] == "make":
                    asked = [w for w in line[1:] if re.fullmatch("[a-z][a-z-]*", w)]
                    why = ", ".join(t for t in asked if t not in known and "fuzz-" not in t)
                    why = why and "no such target: " + why
                else:
                    why = is_wrong(line, folder)
                    if line[0] == "lanectl":
                        why = why or is_unknown(line, options)
                if why:
                    failures += 1
                    print("%s: %s\n    %s" % (os.path.basename(path), shlex.join(line), why))
    print("%d commands, %d wrong" % (count, failures))
    return 1 if failures or count < 60 else 0


if __name__ == "__main__":
    sys.exit(main())
