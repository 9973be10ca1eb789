"""Linear algebra, coordinates, designs, optimisers: thin over well-kept libraries."""
