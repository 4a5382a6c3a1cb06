"""What the Python example agents share: a small HTTP service, calls to other agents, documents, words."""
