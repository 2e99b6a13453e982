"""What a word is. It travels to volunteers with the slave."""

import re
from collections import Counter

# Letters a to z only, on purpose: what else counts as a letter depends on the Unicode tables of each Python version.
WORD = re.compile(r"[a-z]+(?:['\u2019][a-z]+)*")


def count_words(text):
    """Return how often each word is in the text, in lower case, as a dict."""
    return dict(Counter(WORD.findall(text.lower())))
