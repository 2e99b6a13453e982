"""A page for a batch: `figures` says what there is to see, `page` draws it, `source` reads the folder, `web` serves it to one person."""
