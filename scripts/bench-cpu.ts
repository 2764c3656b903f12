// Loaded into the server of a bench before all else: tells the parent, whenever it asks, what CPU the process has used
// so far, all of its threads together; and ends with its parent.

process.on("message", () => process.send!(process.cpuUsage()));
process.on("disconnect", () => process.exit());
process.channel!.unref();
