"""The tests mirror the package; `golden/` holds numbers from a trusted implementation and what makes them."""
