/// How much one `execve` takes, so that what could never start is refused when it is submitted.
public enum JobSize {
  /// Bytes of one argument or `NAME=value`, without the NUL that ends it: Linux's MAX_ARG_STRLEN is 32
  /// pages, the NUL counted (execve(2)).
  public static let stringLimit = 128 * 1024 - 1
  /// Bytes of all of them together, each with its NUL. Linux takes a quarter of the stack limit (2 MB of
  /// 8); this leaves room for hosts with less and for what the agent adds.
  public static let totalLimit = 512 * 1024
  /// Bytes of a `stdin` that is text: it goes to the agent with the job, and lies in its memory until it is read.
  public static let inputLimit = 1 << 20
  /// A job written in fewer bytes, with no template, is within both whatever jobDefaults add: the sizes
  /// are not worth counting. (jobDefaults longer than this are counted with every job.)
  public static let certain = 64 * 1024
}
