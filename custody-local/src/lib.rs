//! Image files and block devices as sources, a directory as write-once sink.
