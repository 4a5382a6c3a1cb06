"""Guesses the language of a text by its small words: measure {text}."""

from lib.meter import run_meter
from lib.words import words

SMALL_WORDS = {
    'en': 'the of and to in is that it for was on are with as his they be at this have from or by not but',
    'de': 'der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden',
    'fr': 'le la les de des et un une du en est que dans qui pour pas sur au avec il ce sont par plus',
    'es': 'el la los las de que y en un una por con no para es del se lo como más su al pero sus',
    'it': 'il lo la gli le di che e un una per non con del della è sono da come più nel anche si ma',
    'nl': 'de het een en van in is dat op te zijn met voor niet aan er om ook als bij door maar naar dan',
    'pt': 'o a os as de que e do da em um uma para com não por mais dos se na no ao como mas foi',
}
SETS = {language: frozenset(text.split()) for language, text in SMALL_WORDS.items()}


def measure(text):
    found = words(text)
    scores = {language: round(sum(word in small for word in found) / max(len(found), 1), 3) for language, small in SETS.items()}
    best = max(scores, key=scores.get)
    return {'language': best if scores[best] > 0.05 else 'unknown', 'scores': scores}


run_meter(measure, 'Das ist nicht der Weg, auf dem wir gehen.', {'language': 'de'})
