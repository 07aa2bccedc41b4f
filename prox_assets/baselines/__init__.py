"""Published filter rules as Polars expressions: the corpora that refined ones are compared with."""
