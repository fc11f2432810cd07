"""peft-data: text to token files for programs that peftc compiles."""
