# The three main figures, from the Parquet files of an export. The same as figures.py draws, with the same numbers.
#
#   medial export relief outcomes --format parquet --directory study
#   Rscript figures.R study figures
#
# Needs R and one reader of Parquet: the package nanoparquet, arrow or duckdb, or else the program duckdb on PATH
# (`pip install duckdb-cli` brings it).
#
# 1. How many blocks relieve by how much, with Wilson's intervals.
# 2. How long relief of at least 80 % lasted: at least, and at most, since nobody knows what is between two scores.
# 3. How many of the ablated targets had at least 50 % relief at 3, 6 and 12 months.

blue <- "#2b6cb0"
orange <- "#c05621"
grey <- "#718096"

has <- function(package) requireNamespace(package, quietly = TRUE)

read_parquet <- function(path) {
  if (has("nanoparquet")) return(as.data.frame(nanoparquet::read_parquet(path)))
  if (has("arrow")) return(as.data.frame(arrow::read_parquet(path)))
  query <- sprintf("SELECT * FROM read_parquet('%s')", gsub("'", "''", path))
  if (has("duckdb")) {
    connection <- DBI::dbConnect(duckdb::duckdb())
    on.exit(DBI::dbDisconnect(connection, shutdown = TRUE))
    return(DBI::dbGetQuery(connection, query))
  }
  if (Sys.which("duckdb") == "") {
    stop("nothing here reads Parquet: install nanoparquet, arrow or duckdb, or the program duckdb (pip install duckdb-cli)")
  }
  # Empty is what is not recorded, in columns of text too.
  read.csv(pipe(paste("duckdb -csv -nullvalue ''", "-c", shQuote(query))), na.strings = "", encoding = "UTF-8")
}

# The share in percent, and Wilson's interval.
wilson <- function(hits, of) {
  if (of == 0) return(c(share = 0, low = 0, high = 0))
  # That the counts are small is what the interval is for.
  interval <- suppressWarnings(prop.test(hits, of, correct = FALSE))$conf.int
  100 * c(share = hits / of, low = interval[1], high = interval[2])
}

bars <- function(name, labels, hits, of, colour, title) {
  shares <- mapply(wilson, hits, of)
  places <- barplot(shares["share", ], names.arg = sprintf("%s\n%d of %d", labels, hits, of), col = colour, border = NA,
    ylim = c(0, 100), ylab = "%", main = title, las = 1, mgp = c(3, 1.5, 0))
  low <- shares["low", ]
  high <- shares["high", ]
  segments(c(places, places - 0.05, places - 0.05), c(low, low, high), c(places, places + 0.05, places + 0.05),
    c(high, low, high), col = grey, lwd = 2)
  told <- sprintf("%s %d of %d (%.1f to %.1f)", gsub("\u2265 ", "", labels), hits, of, low, high)
  cat(name, ": ", paste(told, collapse = ", "), "\n", sep = "")
}

responders <- function(study) {
  relief <- subset(read_parquet(file.path(study, "relief.parquet")), baseline > 0)
  thresholds <- sort(unique(relief$threshold_percent))
  of <- sapply(thresholds, function(threshold) sum(relief$threshold_percent == threshold))
  hits <- sapply(thresholds, function(threshold) {
    sum(relief$threshold_percent == threshold & !is.na(relief$onset_minutes))
  })
  bars("responders.png", sprintf("\u2265 %d %%", as.integer(thresholds)), hits, of, blue, "Blocks and sides with relief at some time")
}

duration <- function(study) {
  relief <- subset(read_parquet(file.path(study, "relief.parquet")), threshold_percent == 80 & !is.na(onset_minutes))
  least <- relief$min_minutes / 60
  most <- ifelse(is.na(relief$max_minutes), Inf, relief$max_minutes / 60)
  lasted <- function(duration, hours) sapply(hours, function(hour) sum(duration >= hour))
  hours <- seq(0, 24, by = 0.25)
  all <- max(1, nrow(relief))
  plot(hours, 100 * lasted(least, hours) / all, type = "s", col = blue, lwd = 2, ylim = c(0, 102), xaxs = "i", yaxs = "i", las = 1, bty = "l",
    xlab = "hours since relief began", ylab = "% still in relief",
    main = sprintf("Relief of at least 80 %%, %d blocks and sides", nrow(relief)))
  lines(hours, 100 * lasted(most, hours) / all, type = "s", col = orange, lwd = 2)
  legend("topright", c("for certain", "possibly"), col = c(blue, orange), lwd = 2, bty = "n")
  told <- c(1, 3, 8, 24)
  cat("duration.png: ", paste(sprintf("%d h %d to %d of %d", told, lasted(least, told), lasted(most, told), nrow(relief)),
    collapse = ", "), "\n", sep = "")
}

outcomes <- function(study) {
  ablated <- subset(read_parquet(file.path(study, "outcomes.parquet")), !is.na(ablation_id))
  months <- c(3, 6, 12)
  best <- lapply(months, function(month) ablated[[sprintf("best_relief_percent_%d_months", month)]])
  hits <- sapply(best, function(relief) sum(relief >= 50, na.rm = TRUE))
  of <- sapply(best, function(relief) sum(!is.na(relief)))
  bars("outcomes.png", paste(months, "months"), hits, of, orange, "Targets with at least 50 % relief after ablation")
}

arguments <- commandArgs(trailingOnly = TRUE)
if (length(arguments) != 2) stop("usage: Rscript figures.R STUDY FIGURES")
study <- arguments[1]
figures <- arguments[2]
dir.create(figures, showWarnings = FALSE, recursive = TRUE)
for (name in c("responders", "duration", "outcomes")) {
  png(file.path(figures, paste0(name, ".png")), width = 7, height = 4.2, units = "in", res = 150)
  par(mar = c(4.5, 4.5, 2.5, 1))
  get(name)(study)
  invisible(dev.off())
}
