//! The program: its command line is all that there is to it.

fn main() -> std::process::ExitCode {
    medial::cli::main()
}
