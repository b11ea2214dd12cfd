"""The three steps of wordcount.json.

    wordcount.py list FOLDER     prints a task for each text in the folder: the run grows by them
    wordcount.py count FILE      counts the words of one text
    wordcount.py total N         sums up and prints the N most frequent words

The steps hand on their counts as files in a folder of the run's own below the working directory, so the
agents that run them must share it (on one host they do).
"""
import collections
import json
import os
import re
import sys


def counts_folder():
    return "wordcount-" + os.environ.get("CARAVAN_RUN_ID", "by-hand")


def list_texts(folder):
    # A link names a text that is there under another name already (GPL is GPL-3): it would count twice.
    texts = sorted(e.path for e in os.scandir(folder) if e.is_file(follow_symlinks=False))
    if not texts:
        sys.exit(f"{folder} holds no text")
    tasks = {
        "count-" + re.sub(r"[^A-Za-z0-9_.-]", "_", os.path.basename(text)): {
            "job": {"command": ["/usr/bin/python3", "wordcount.py", "count", text]}
        }
        for text in texts
    }
    print(json.dumps(tasks, indent=2))


def count(text):
    with open(text, encoding="utf-8", errors="replace") as file:
        words = collections.Counter(re.findall(r"[a-z]+", file.read().lower()))
    os.makedirs(counts_folder(), exist_ok=True)
    target = os.path.join(counts_folder(), os.path.basename(text) + ".json")
    # Written aside and renamed: a task that is run again never leaves half a file to its successor.
    with open(target + ".new", "w", encoding="utf-8") as file:
        json.dump(words, file)
    os.replace(target + ".new", target)
    print(f"{sum(words.values())} words, {len(words)} different ones in {text}")


def total(most):
    words = collections.Counter()
    names = sorted(n for n in os.listdir(counts_folder()) if n.endswith(".json"))
    for name in names:
        with open(os.path.join(counts_folder(), name), encoding="utf-8") as file:
            words.update(json.load(file))
    print(f"{sum(words.values())} words in {len(names)} texts; the most frequent:")
    # Equal counts go by the alphabet, so that the same texts always give the same table.
    for word, number in sorted(words.items(), key=lambda item: (-item[1], item[0]))[: int(most)]:
        print(f"{number:8d}  {word}")


if __name__ == "__main__":
    steps = {"list": list_texts, "count": count, "total": total}
    if len(sys.argv) != 3 or sys.argv[1] not in steps:
        sys.exit(__doc__)
    steps[sys.argv[1]](sys.argv[2])
