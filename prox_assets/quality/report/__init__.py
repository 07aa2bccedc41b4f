"""The data-quality report of a domain, and documents before and after."""
