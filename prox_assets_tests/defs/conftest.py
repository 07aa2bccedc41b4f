from prox_assets_tests.s3 import bucket

__all__ = ["bucket"]
