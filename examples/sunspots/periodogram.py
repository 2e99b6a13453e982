"""The generalised Lomb-Scargle periodogram, in pure Python. It travels to volunteers with the slave.

At each trial frequency f, fit  a cos(2 pi f t) + b sin(2 pi f t) + c  to the series by least squares.
The power is the share of the series' variance that the fit explains: 0 (nothing) to 1 (a perfect sine).

M. Zechmeister and M. Kürster, "The generalised Lomb-Scargle periodogram", Astronomy & Astrophysics 496 (2009) 577-584,
doi:10.1051/0004-6361:200811296, with equal weights: before 1818 the series has no error bars to weigh by.
"""

from math import cos, pi, sin


def periodogram(frequencies, series):
    """Return a list of (frequency, power), the frequencies in cycles per unit of time, for a list of (time, value).

    The times need not be evenly spaced. Where they are, stay below the Nyquist frequency, half the sampling rate:
    on it the sine and the cosine can coincide, and the fit has no single answer.
    """
    mean = sum(value for _, value in series) / len(series)
    centred = [(time, value - mean) for time, value in series]
    return [(frequency, power(frequency, centred)) for frequency in frequencies]


def power(frequency, centred):
    """Return the power at one frequency of a list of (time, value less the mean). Names are the paper's."""
    n = len(centred)
    c = s = yy = yc = ys = cc = cs = 0.0
    for time, y in centred:
        angle = 2 * pi * frequency * time
        cosine, sine = cos(angle), sin(angle)
        c += cosine
        s += sine
        yy += y * y
        yc += y * cosine
        ys += y * sine
        cc += cosine * cosine
        cs += cosine * sine
    # Sums become means; taking c and s out is what lets the fitted constant float. The mean of y is 0.
    c, s, yy, yc, ys = c / n, s / n, yy / n, yc / n, ys / n
    ss = 1 - cc / n - s * s
    cc = cc / n - c * c
    cs = cs / n - c * s
    return (ss * yc * yc + cc * ys * ys - 2 * cs * yc * ys) / (yy * (cc * ss - cs * cs))
