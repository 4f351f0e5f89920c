/** Preloaded into every process of a run: a run that is killed leaves none behind. */
process.once("disconnect", () => process.exit(1));
process.channel?.unref();
