// Optional (robustness): what the surroundings of a process may do to it.
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

// Called first in main.
// - Descriptors 0, 1 and 2 that are closed would be given to the next files opened, and what is printed would land in
//   them: they are opened, so that using them is an error.
// - SIGPIPE and SIGXFSZ are ignored: nobody reads the output any more, or a file is at the limit of its size, is an
//   error of write, as a full disk is. What checks its writes then loses nothing.
// - SIGBUS (a mapped file became shorter, or its disk failed) ends the process with a message and status 1.
// - A stack of less than 8 MiB is raised to that, for later threads too; if the system refuses, the process ends with a
//   message and status 2.
void process_start(const char *program);

#endif
