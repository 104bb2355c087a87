# The three main figures, from the Parquet files of an export.
#
#   medial export relief outcomes --format parquet --directory study
#   Rscript figures.R study figures
#
# Needs the packages arrow, dplyr and ggplot2.

library(arrow)
library(dplyr)
library(ggplot2)

arguments <- commandArgs(trailingOnly = TRUE)
study <- arguments[1]
figures <- arguments[2]
dir.create(figures, showWarnings = FALSE, recursive = TRUE)

relief <- read_parquet(file.path(study, "relief.parquet"))
outcomes <- read_parquet(file.path(study, "outcomes.parquet"))

# Wilson's interval.
wilson <- function(hits, of) {
  interval <- prop.test(hits, of, correct = FALSE)$conf.int
  data.frame(share = hits / of, low = interval[1], high = interval[2])
}

shares <- function(counts) {
  bind_cols(counts, bind_rows(Map(wilson, counts$hits, counts$of)))
}

bars <- function(counts, colour, title) {
  ggplot(shares(counts), aes(label, 100 * share)) +
    geom_col(fill = colour, width = 0.6) +
    geom_errorbar(aes(ymin = 100 * low, ymax = 100 * high), width = 0.15, colour = "#718096") +
    coord_cartesian(ylim = c(0, 100)) +
    labs(x = NULL, y = "%", title = title) +
    theme_minimal()
}

# 1. How many blocks relieve by how much.
responders <- relief |>
  filter(baseline > 0) |>
  group_by(threshold_percent) |>
  summarise(hits = sum(!is.na(onset_minutes)), of = n(), .groups = "drop") |>
  mutate(label = factor(threshold_percent))
ggsave(file.path(figures, "responders.png"),
  bars(responders, "#2b6cb0", "Blocks and sides with relief at some time, by threshold (%)"), width = 7, height = 4.2)

# 2. How long relief of at least 80 % lasted: for certain, and possibly.
lasting <- relief |> filter(threshold_percent == 80, !is.na(onset_minutes))
hours <- seq(0, 24, by = 0.25)
duration <- bind_rows(
  data.frame(hours, share = sapply(hours, \(hour) mean(lasting$min_minutes / 60 >= hour)), known = "for certain"),
  data.frame(hours, share = sapply(hours, \(hour) mean(is.na(lasting$max_minutes) | lasting$max_minutes / 60 >= hour)),
    known = "possibly")
)
ggsave(file.path(figures, "duration.png"),
  ggplot(duration, aes(hours, 100 * share, colour = known)) +
    geom_step() +
    labs(x = "hours since relief began", y = "% still in relief", colour = NULL, title = "Relief of at least 80 %") +
    theme_minimal(), width = 7, height = 4.2)

# 3. How many of the ablated targets had at least 50 % relief at 3, 6 and 12 months.
ablated <- outcomes |> filter(!is.na(ablation_id))
visits <- c("3_months", "6_months", "12_months")
followed <- bind_rows(lapply(visits, \(visit) {
  best <- ablated[[paste0("best_relief_percent_", visit)]]
  data.frame(label = sub("_", " ", visit), hits = sum(best >= 50, na.rm = TRUE), of = sum(!is.na(best)))
})) |>
  filter(of > 0) |>
  mutate(label = factor(label, levels = sub("_", " ", visits)))
ggsave(file.path(figures, "outcomes.png"),
  bars(followed, "#c05621", "Targets with at least 50 % relief after ablation"), width = 7, height = 4.2)
