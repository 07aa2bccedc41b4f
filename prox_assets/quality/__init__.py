"""What the pipeline says about its corpora: statistics, expectations, reports, pages in the terminal."""
