"""The experiments of Hodas & Stinis 2018, doi:10.3389/fpsyg.2018.01185, run and judged.

    fig4a.toml, ... --> Settings of every run --> trainer.sweep --> one table --> figures
    profiles.toml       (experiments)                               (results)     claims with verdicts
                                                                                  report

A figure is a small file of data: which architectures, widths and depths it shows. A profile says how long each network is
trained and how closely it is measured. Runs that several figures need are trained once.
"""
