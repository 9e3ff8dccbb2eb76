"""Find the behaviours that move margin, and make one weighted engagement metric of them."""
