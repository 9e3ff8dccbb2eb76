"""Within-customer estimation: fixed-effects Poisson models of margin on distributed lags.

An effect compares periods of the same customer: after the customer did more of a behaviour than
usual, is margin higher than usual?
"""
