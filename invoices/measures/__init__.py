"""The measures of receivables, as formulas (docs/reports.md): ages, days of sales, delays, rates, what is to come.

Pure. All amounts of one call are in one currency; answers are unrounded, None or `Missing` where there is nothing honest to say.
"""
