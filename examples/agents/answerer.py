"""Answers a question from the documents: answer {question}. The librarian finds, the summarizer shortens."""

import os

from lib import documents
from lib.documents import Passages
from lib.peers import peer
from lib.service import Service, text_of
from lib.words import terms

MAX_SOURCES = 3
MAX_TEXT = 4000

service = Service('questions asked itself')
passages = Passages(os.getpid())
findable = {'asked': 0, 'found': 0}


def passage_for(path, wanted):
    """The passages of a document that hold what is asked for, as many as fit."""
    parts = documents.read(path).split('\n\n')
    rated = sorted(parts, key=lambda part: -len(wanted.intersection(terms(part))))
    return '\n\n'.join(rated)[:MAX_TEXT]


@service.action
def answer(body):
    """Gives the sentences that answer a question best, and the documents they are from."""
    question = text_of(body, 'question')
    wanted = set(terms(question))
    found = peer('librarian').call('search', {'q': question, 'limit': MAX_SOURCES}, 4.0)
    sentences = []
    for hit in found['hits']:
        text = passage_for(hit['path'], wanted)
        if text.strip():
            summary = peer('summarizer').call('summarize', {'text': text, 'sentences': 2})['summary']
            sentences += [sentence for sentence in summary if wanted.intersection(terms(sentence))] or summary[:1]
    return {'question': question, 'answer': ' '.join(sentences[:4]), 'missing': found['missing'],
            'sources': [{'path': hit['path'], 'node': hit['node']} for hit in found['hits']]}


@service.check
@service.before_ready
def check():
    answer({'question': 'what is the mesh'})


@service.every(10)
def work():
    """Asks for the first words of a passage and notes whether its own document is found."""
    path, text = passages.next()
    query = ' '.join(terms(text)[:6])
    if path is None or not query:
        return 1
    hits = peer('librarian').call('search', {'q': query, 'limit': MAX_SOURCES}, 4.0)['hits']
    findable['asked'] += 1
    findable['found'] += any(hit['path'] == path for hit in hits)
    return 1


@service.details
def details():
    return {'ownDocumentFound': findable}


service.run()
