"""Groups of unprofitable engaged customers, against worlds in which they are known."""
