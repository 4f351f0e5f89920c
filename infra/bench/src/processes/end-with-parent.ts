/** Preloaded into every process of a bench: a bench that is killed leaves none behind. */
process.once("disconnect", () => process.exit(1));
process.channel?.unref();
