"""Weighs how glad or how grim a text sounds, by a small lexicon: measure {text}."""

from lib.meter import run_meter
from lib.words import words

GLAD = frozenset('''accept acknowledged agree allow answered available balanced better best certain clean clear correct easy exact
fast free good great happy healthy help helpful nice ok pass passes ready recover recovered reliable resolved right safe secure
simple sound stable succeed success sure thank thanks tidy true trust useful valid well win works worth'''.split())
GRIM = frozenset('''abandon bad break broken bug corrupt corrupted crash crashed danger dead denied died error expired fail failed
failure fault forged gap hang hangs hard hostile ill illegal invalid kill killed late leak lie lost malformed miss missed missing
never orphan overflow panic refuse refused slow stale stranger stuck torn unknown unsafe wrong'''.split())
TURNS = frozenset(('no', 'not', 'never', 'nothing', 'without', 'nobody'))


def measure(text):
    glad = grim = 0
    before = ''
    for word in words(text):
        if word in GLAD or word in GRIM:
            is_glad = (word in GLAD) != (before in TURNS)
            glad, grim = glad + is_glad, grim + (not is_glad)
        before = word
    return {'mood': round((glad - grim) / (glad + grim), 3) if glad + grim else 0.0, 'glad': glad, 'grim': grim}


run_meter(measure, 'A clean and safe start, nothing lost.', {'glad': 3, 'grim': 0})
