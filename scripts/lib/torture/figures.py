"""What a campaign says at its end."""
import random

# Exit code where this machine lacks what a campaign needs; nothing was tried then.
NOT_POSSIBLE = 77


def seed_of(options):
    return options.seed if options.seed is not None else random.randrange(1 << 32)


def percentile(values, percent):
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0


def milliseconds(seconds):
    return f"{1000 * seconds:.0f} ms"


def verdict(name, broken, words, seed):
    """Says what is broken, then the line of figures; -> the exit code"""
    broken.tell()
    print(f"{name}: {'BROKEN' if broken else 'ok'}, {words}, seed {seed}", flush=True)
    return 1 if broken else 0
