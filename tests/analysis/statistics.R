# Holds the statistics of `medial analyze` against R's, and its counts against those of the exported rows.
#
# Usage: Rscript statistics.R ROWS ANSWERS, where the CSV files of `medial export` and of `medial analyze` are.
# The exit code is 1 if anything lies further apart than the rounding of what Medial writes.

library(survival)

arguments <- commandArgs(trailingOnly = TRUE)
read <- function(directory, name) read.csv(file.path(directory, paste0(name, ".csv")), na.strings = "", encoding = "UTF-8")
rows <- function(name) read(arguments[1], name)
answer <- function(name) read(arguments[2], name)

# Medial writes percentages with two digits after the point and kappa with four: half of the last one is rounding.
percent <- 0.005
ratio <- 0.00005
failed <- FALSE

# Says how far Medial's numbers are from R's; where one of the two has none, both must have none.
held <- function(what, ours, theirs, tolerance, of = seq_along(ours)) {
  stopifnot(length(ours) > 0, length(ours) == length(theirs))
  apart <- ifelse(is.na(ours) & is.na(theirs), 0, ifelse(is.na(ours) | is.na(theirs), Inf, abs(ours - theirs)))
  worst <- which.max(apart)
  cat(sprintf("%s: %d values, largest difference %.6f, tolerance %s\n", what, sum(!is.na(ours)), apart[worst],
    format(tolerance, scientific = FALSE)))
  # What binary fractions leave.
  if (apart[worst] > tolerance + 1e-9) {
    cat(sprintf("  FAILED at %s: Medial %s, R %s\n", of[worst], format(ours[worst], digits = 10), format(theirs[worst], digits = 10)))
    failed <<- TRUE
  }
}

# A group, as Medial names what is not recorded.
named <- function(values) ifelse(is.na(values), "not recorded", values)

# --- Intervals of proportions

limits <- list(
  # That the counts are small is what the interval is for.
  wilson = function(hits, of) suppressWarnings(prop.test(hits, of, correct = FALSE))$conf.int,
  clopper_pearson = function(hits, of) binom.test(hits, of)$conf.int,
  wald = function(hits, of) pmin(1, pmax(0, hits / of + c(-1, 1) * qnorm(0.975) * sqrt(hits / of * (1 - hits / of) / of)))
)
theirs_of <- list(wilson = "prop.test(correct = FALSE)", clopper_pearson = "binom.test", wald = "its formula")

hold_intervals <- function(method, hits, of, low, high, from) {
  known <- of > 0 & hits <= of
  theirs <- 100 * mapply(limits[[method]], hits[known], of[known])
  label <- paste(hits[known], "of", of[known])
  held(sprintf("%s of %s against %s", method, from, theirs_of[[method]]), c(low[known], high[known]), c(theirs[1, ], theirs[2, ]), percent,
    c(label, label))
}

for (method in names(limits)) {
  told <- do.call(rbind, lapply(c("responders", "false-positives", "ablation-outcomes", "adverse-events"), function(figure) {
    told <- answer(paste(figure, method, sep = "."))
    # One lesion can have several events: a rate, and no share.
    if ("per" %in% names(told)) told <- subset(told, per != "lesion")
    told[c("numerator", "denominator", "percent", "percent_low", "percent_high")]
  }))
  hold_intervals(method, told$numerator, told$denominator, told$percent_low, told$percent_high, "the figures")
}
rates <- subset(answer("adverse-events.wilson"), per == "lesion" & denominator > 0)
theirs <- 100 * mapply(function(events, over) poisson.test(events, over)$conf.int, rates$numerator, rates$denominator)
held("events per lesion against poisson.test", c(rates$percent_low, rates$percent_high), c(theirs[1, ], theirs[2, ]), percent)
made <- answer("published")
hold_intervals("wilson", made$numerator, made$denominator, made$wilson_low, made$wilson_high, "made counts")
hold_intervals("wald", made$numerator, made$denominator, made$wald_low, made$wald_high, "made counts")

# --- Responders and durations of relief, by rating: a diagnostic medial branch block, or a side that was rated by itself

blocks <- subset(rows("blocks"), kind == "diagnostic" & technique == "medial_branch")
scores <- rows("scores")
told_apart <- unique(scores$block_id[!is.na(scores$side)])
relief <- merge(rows("relief"), data.frame(block_id = blocks$id, sides = blocks$side, agent = named(blocks$agent),
  guidance = named(blocks$guidance), operator = named(blocks$operator)))
relief <- subset(relief, baseline > 0 & (block_id %in% told_apart | sides != "bilateral" | side == "left"))

reached <- function(by, group, threshold) {
  chosen <- relief$threshold_percent == threshold & (by == "all" | (if (by == "all") TRUE else relief[[by]] == group))
  c(sum(!is.na(relief$onset_minutes[chosen])), sum(chosen))
}
# The dataset has the thresholds that the active profiles use.
thresholds <- unique(relief$threshold_percent)
told <- subset(answer("responders.wilson"), measure == "scores" & by %in% c("all", "agent", "guidance", "operator") &
  threshold_percent %in% thresholds)
theirs <- mapply(reached, told$by, told$group, told$threshold_percent)
held("responders by scores against the rows", c(told$numerator, told$denominator), c(theirs[1, ], theirs[2, ]), 0,
  paste(told$by, told$group, told$threshold_percent))

# Turnbull's estimate. survfit puts each jump into the middle of an interval, so that it has happened at the end of it, and ends
# its rounds where they move the curve by less than 0.00005, which may be more than a percent from the maximum. So its curve is
# carried on to where the likelihood is at most a ten-millionth from it.
to_the_maximum <- function(lasted, fit) {
  least <- lasted$min_minutes
  most <- ifelse(is.na(lasted$max_minutes), Inf, lasted$max_minutes)
  jump <- fit$n.event > 0
  times <- c(fit$time[jump], Inf)
  covered <- outer(least, times, `<`) & outer(most, times, `>=`)
  share <- -diff(c(1, fit$surv[jump], 0))
  # What survfit took away for good may have to come back.
  share <- (share + 1e-6) / sum(share + 1e-6)
  for (round in 1:200000) {
    pull <- crossprod(covered, 1 / (covered %*% share))[, 1] / nrow(covered)
    if (max(pull) <= 1 + 1e-7) break
    share <- share * pull
  }
  list(time = times, survival = 1 - cumsum(share))
}

curve <- answer("relief-duration.curve")
ours <- theirs <- survfits <- numeric()
label <- character()
for (group in unique(curve$agent)) for (threshold in thresholds) {
  lasted <- subset(relief, threshold_percent == threshold & !is.na(onset_minutes) & (group == "all" | agent == group))
  step <- subset(curve, agent == group & threshold_percent == threshold)
  if (nrow(lasted) != max(0, step$ratings)) stop(sprintf("%s, %d %%: %d ratings in the rows", group, threshold, nrow(lasted)))
  # Of diaries that all end in relief there is no curve.
  if (all(is.na(lasted$max_minutes))) next
  fit <- survfit(Surv(lasted$min_minutes, lasted$max_minutes, type = "interval2") ~ 1)
  best <- to_the_maximum(lasted, fit)
  # The last row has no end: it tells who was still in relief, which are those after the last jump that was seen.
  at <- ifelse(is.na(step$to_minutes), max(fit$time), step$to_minutes)
  ours <- c(ours, step$still_percent)
  theirs <- c(theirs, 100 * c(1, best$survival)[1 + findInterval(at, best$time)])
  survfits <- c(survfits, 100 * c(1, fit$surv)[1 + findInterval(at, fit$time)])
  label <- c(label, paste(group, threshold, at))
}
# Medial ends its own rounds a hundred-thousandth from the maximum of the likelihood.
held("Turnbull's curve against survfit carried on to the maximum", ours, theirs, 0.1, label)
cat(sprintf("  survfit(interval2) by itself ends up to %.3f from there\n", max(abs(survfits - theirs))))

# --- Ablations: the time to the first follow-up with relief below 50 %

ablations <- rows("ablations")
targets <- Map(function(joints, side) {
  outer(strsplit(joints, "|", fixed = TRUE)[[1]], if (side == "bilateral") c("left", "right") else side, paste)
}, ablations$joints, ablations$side)
follow_ups <- merge(rows("follow_ups"), data.frame(ablation_id = ablations$id, scale = ablations$pre_score_scale,
  before = ablations$pre_score_value, performed_on = ablations$performed_on))
scored <- with(follow_ups, !is.na(scale) & !is.na(score_scale) & scale == score_scale & before > 0)
# In tenths, which are whole.
half <- with(follow_ups, ifelse(scored, 2 * round(10 * (before - score_value)) >= round(10 * before), stated_relief_percent >= 50))
follow_ups <- data.frame(ablation = follow_ups$ablation_id, day = as.Date(follow_ups$taken_on), half)[!is.na(half), ]

followed <- do.call(rbind, lapply(seq_len(nrow(ablations)), function(place) {
  done <- as.Date(ablations$performed_on)
  again <- done[ablations$episode_id == ablations$episode_id[place] & done > done[place] &
    sapply(targets, function(other) any(other %in% targets[[place]]))]
  told <- subset(follow_ups, ablation == ablations$id[place] & day > done[place] & day <= min(again, as.Date("9999-12-31")))
  if (nrow(told) == 0) return(NULL)
  below <- any(!told$half)
  data.frame(place, time = as.numeric((if (below) min(told$day[!told$half]) else max(told$day)) - done[place]), event = below)
}))
followed$technique <- named(ablations$technique)[followed$place]
# C7-T1 is cervical, T12-L1 thoracic.
region_of <- c(C = "cervical", T = "thoracic", L = "lumbar")
regions <- lapply(targets[followed$place], function(own) region_of[unique(substr(own, 1, 1))])

curve <- answer("ablation-outcomes.curve")
summary_of <- answer("ablation-outcomes.durations")
found <- lapply(seq_len(nrow(summary_of)), function(place) {
  group <- summary_of$group[place]
  chosen <- switch(summary_of$by[place], all = TRUE, technique = followed$technique == group, region = sapply(regions, function(own) group %in% own))
  fit <- survfit(Surv(time, event) ~ 1, data = followed[chosen, ], conf.type = "log-log")
  steps <- fit$n.event > 0
  at <- function(day) {
    left <- c(1, fit$surv)[1 + findInterval(day, fit$time)]
    if (day <= max(fit$time) || left == 0) 100 * left else NA
  }
  list(day = fit$time[steps], at_risk = fit$n.risk[steps], events = fit$n.event[steps], survival = 100 * fit$surv[steps],
    low = 100 * fit$lower[steps], high = 100 * fit$upper[steps], followed = fit$n,
    # The first day on which at most half are left; R's own median is between two days where it is half for a while.
    median = fit$time[fit$surv <= 0.5 + 1e-9][1], half_year = at(183), year = at(365))
})
all_of <- function(name) unlist(lapply(found, `[[`, name))
label <- paste(curve$by, curve$group, "day", curve$day)
held("Kaplan-Meier's steps against survfit", c(curve$day, curve$at_risk, curve$events), c(all_of("day"), all_of("at_risk"), all_of("events")), 0,
  rep(label, 3))
held("Kaplan-Meier's survival against survfit", curve$relieved_percent, all_of("survival"), percent, label)
held("its log-log interval against survfit", c(curve$relieved_low, curve$relieved_high), c(all_of("low"), all_of("high")), percent, rep(label, 2))
label <- paste(summary_of$by, summary_of$group)
held("its medians against survfit", summary_of$median_days, all_of("median"), 0, label)
held("relieved after 6 and 12 months against survfit", c(summary_of$relieved_at_183_days, summary_of$relieved_at_365_days),
  c(all_of("half_year"), all_of("year")), percent, rep(label, 2))

# --- Cohen's kappa of each two profiles, with the variance as Fleiss, Cohen and Everitt (1969) print it

kappa <- function(counts) {
  share <- counts / sum(counts)
  by_first <- rowSums(share)
  by_second <- colSums(share)
  agreed <- sum(diag(share))
  chance <- sum(by_first * by_second)
  if (chance == 1) return(c(NA, NA, NA))
  same <- sum(diag(share) * ((1 - chance) - (by_first + by_second) * (1 - agreed))^2)
  apart <- share * outer(by_second, by_first, `+`)^2
  differ <- (1 - agreed)^2 * (sum(apart) - sum(diag(apart)))
  variance <- (same + differ - (agreed * chance - 2 * chance + agreed)^2) / (sum(counts) * (1 - chance)^4)
  estimate <- (agreed - chance) / (1 - chance)
  half <- qnorm(0.975) * sqrt(max(0, variance))
  c(estimate, max(-1, estimate - half), min(1, estimate + half))
}

determinations <- rows("determinations")
determinations$qualifies <- determinations$verdict %in% c("meets", "needs_review")
determinations <- determinations[c("episode_id", "joint", "side", "profile", "qualifies")]
pairs <- answer("agreement.pairs")
found <- mapply(function(first, second) {
  both <- merge(subset(determinations, profile == first), subset(determinations, profile == second), by = c("episode_id", "joint", "side"))
  counts <- table(factor(both$qualifies.x, c(TRUE, FALSE)), factor(both$qualifies.y, c(TRUE, FALSE)))
  c(sum(counts), counts[1, 1], counts[1, 2], counts[2, 1], counts[2, 2], 100 * sum(diag(counts)) / sum(counts), kappa(counts))
}, pairs$first, pairs$second)
label <- paste(pairs$first, pairs$second)
columns <- c("judged", "both", "first_only", "second_only", "neither")
held("counts of two profiles against the rows", unlist(pairs[columns]), as.vector(t(found[1:5, ])), 0, rep(label, 5))
held("their agreement against the rows", pairs$agree_percent, found[6, ], percent, label)
held("Cohen's kappa and its interval against its formula", c(pairs$kappa, pairs$kappa_low, pairs$kappa_high), as.vector(t(found[7:9, ])), ratio,
  rep(label, 3))

quit(status = if (failed) 1 else 0)
