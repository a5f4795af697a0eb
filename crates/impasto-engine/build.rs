//! Embeds what lies in `assets/`: weights by name (`assets/NAME.safetensors`), style codes (`assets/styles/NAME.safetensors`)
//! and generators (`assets/generators/NAME.safetensors`). Shipping another one is adding a file.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let mut code = String::new();
    for (constant, folder) in [("WEIGHTS", "assets"), ("STYLES", "assets/styles"), ("GENERATORS", "assets/generators")]
    {
        println!("cargo:rerun-if-changed={folder}");
        code.push_str(&format!("pub(crate) const {constant}: &[(&str, &[u8])] = &[\n"));
        for path in files(Path::new(folder))? {
            println!("cargo:rerun-if-changed={}", path.display());
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let relative = format!("/{}", path.to_string_lossy().replace('\\', "/"));
            let bytes = format!("include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {relative:?}))");
            writeln!(code, "    ({name:?}, {bytes}),").map_err(io::Error::other)?;
        }
        code.push_str("];\n");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    fs::write(out.join("bundled.rs"), code)
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "safetensors") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
