"""The picture: the series above, its periodogram below. Only the master imports this, so it never travels."""

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

INK, FAINT, PAPER, SUN, PEAK = "#2b2622", "#8a8178", "#fffdf8", "#f0a202", "#c8351f"
TICKS = (3, 4, 5, 7, 11, 15, 20, 30, 50, 100, 200)  # years
CREDIT = "Data: WDC-SILSO, Royal Observatory of Belgium, Brussels: yearly mean total sunspot number, version 2.0 (CC BY-NC 4.0)"


def draw(path, series, spectrum, period, shorter, longer):
    """Write a PNG of the series (year, number) and of ``spectrum`` (power by frequency), its peak at ``period`` marked (all in years)."""
    figure = Figure(figsize=(9.6, 7.2), facecolor=PAPER)
    above, below = figure.subplots(2, 1, gridspec_kw={"height_ratios": (2, 3)})
    figure.subplots_adjust(left=0.085, right=0.965, top=0.865, bottom=0.115, hspace=0.34)
    figure.text(0.028, 0.945, f"The spots on the Sun come and go about every {period:.0f} years", fontsize=18, weight="bold", color=INK)
    figure.text(0.028, 0.907, "Three centuries of sunspots, and how well a sine of each period fits them", fontsize=11.5, color=FAINT)
    figure.text(0.028, 0.02, CREDIT, fontsize=7.5, color=FAINT)

    years = [year for year, _ in series]
    numbers = [number for _, number in series]
    above.fill_between(years, numbers, color=SUN, alpha=0.35, linewidth=0)
    above.plot(years, numbers, color=SUN, linewidth=1.3)
    above.set(xlim=(years[0] - 0.5, years[-1] + 0.5), ylim=(0, None), xlabel="year", ylabel="sunspot number")

    frequencies = sorted(spectrum)
    periods = [1 / frequency for frequency in frequencies]
    heights = [spectrum[frequency] for frequency in frequencies]
    below.fill_between(periods, heights, color=INK, alpha=0.12, linewidth=0)
    below.plot(periods, heights, color=INK, linewidth=1.2)
    top = max(heights)
    below.plot([shorter, longer], [top / 2] * 2, color=PEAK, linewidth=2, solid_capstyle="butt")
    below.plot(period, top, "o", color=PEAK, markersize=7)
    below.annotate(
        f"{period:.1f} years", (period, top), xytext=(14, -5), textcoords="offset points", fontsize=17, weight="bold", color=PEAK
    )
    below.annotate(
        f"half height: {shorter:.1f} to {longer:.1f} years", (longer, top / 2), xytext=(14, -3), textcoords="offset points", color=PEAK
    )
    below.set(xscale="log", xlim=(periods[-1], periods[0]), ylim=(0, top * 1.12), xlabel="period (years)")
    below.set_ylabel("share of the variance explained")
    below.xaxis.set_major_locator(FixedLocator(TICKS))
    below.xaxis.set_minor_locator(NullLocator())
    below.xaxis.set_major_formatter("{x:g}")
    below.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))

    for axes in (above, below):
        axes.set_facecolor(PAPER)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(FAINT)
        axes.tick_params(colors=FAINT, labelcolor=INK)
        axes.yaxis.grid(True, color=INK, alpha=0.08)
        axes.set_axisbelow(True)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
    figure.savefig(path, dpi=110)
