"""Networks trained while the mutual information between their layers is measured. Nothing here yet."""
