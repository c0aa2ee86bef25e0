//! Writes what fuzzing starts from: `hostile-seeds FOLDER` makes a folder a target, a file a seed.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

fn write(folder: &Path) -> Result<(), Box<dyn Error>> {
    for (target, seeds) in wiremark_tests::hostile::seeds::seeds()? {
        let folder = folder.join(target);
        std::fs::create_dir_all(&folder)?;
        println!("{target}: {}", seeds.len());
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: hostile-seeds FOLDER, e.g. engine/fuzz/corpus");
        return ExitCode::from(2);
    };
    match write(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", Path::new(&folder).display());
            ExitCode::FAILURE
        }
    }
}
