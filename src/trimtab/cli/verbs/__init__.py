"""One file a verb; the file name is the verb, the docstring its help."""
