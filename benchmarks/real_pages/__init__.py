"""Refiners and baselines on pages with people's line labels, on sites not trained on, by source.

    python -m benchmarks.real_pages --data DIR [--pages main|full] [--every N] [--folds N …] [--output FILE]

DIR holds `linelabels_main.parquet` (what a good extractor leaves of pages: `main`), `linelabels.parquet`
(whole pages: `full`) and `webdocs.parquet` (their sites). Sites are dealt into five folds by a hash of their
registrable domain; each fold is scored by systems trained on the other four, of which one site in eight is
for validation: it chooses the penalty, the epoch, the mixture and the threshold. Ambiguous lines do not
count. `--every 4` takes every fourth page.

    rules       the rules teacher; `best rule` is the best for the source of its text-only rules alone
    ngrams      the linear baseline: hashed words and characters of the line and its neighbours
    scoring     the scoring refiner, trained from scratch for --steps steps
    two steps   the same on whole pages of the training sites, and from there --second-steps steps more
    mixed       a logistic regression over the log-odds of `two steps` and `ngrams`, fitted on validation

The last three are trained for --refiner-folds only. F1 pools the lines of all scored folds at each fold's own
threshold; its 95% interval is over resampled sites, and leads over `ngrams` are paired on the same sites.
`strict` has the lines of documents whose labels seem complete.
"""
