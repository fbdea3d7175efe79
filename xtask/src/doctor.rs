//! Says which tools are here, so that nobody has to guess what a command will install.

use crate::workspace::Workspace;
use crate::{browser, system};
use anyhow::Result;

/// One line per tool.
pub(crate) fn report(workspace: &Workspace) -> Result<()> {
    let missing = || "missing".to_owned();
    let line = |name: &str, found: String| println!("{name:<24} {found}");
    line("rustc", system::answer("rustc", &["--version"]).unwrap_or_else(missing));
    line("trunk", system::version("trunk").unwrap_or_else(missing));
    line("wasm-bindgen", system::version("wasm-bindgen").unwrap_or_else(missing));
    line("  wanted by Cargo.lock", workspace.locked_version("wasm-bindgen")?);
    line("npm", system::answer("npm", &["--version"]).unwrap_or_else(missing));
    line("chromium", browser::chromium().map_or_else(missing, |path| path.display().to_string()));
    line("chromedriver", browser::chromedriver().map_or_else(missing, |path| path.display().to_string()));
    Ok(())
}
