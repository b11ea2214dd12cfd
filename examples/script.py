"""Says how it was called and what one variable of its environment holds: the task of mediumtest.json."""
import os
import sys

value = os.environ.get("DAG_VALUE")
found = "is found" if value is not None else "is not found"
print(f"Echoing {' '.join(sys.argv)} env {found}, value is >>{value or ''}<< ")
