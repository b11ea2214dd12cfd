import Coordinator
import Glibc

exit(CoordinatorProgram.run(arguments: Array(CommandLine.arguments.dropFirst())))
