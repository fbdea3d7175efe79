//! The page's entry, in both of its places: in a window it draws, in a worker it hashes.

#[cfg(target_arch = "wasm32")]
fn main() {
    use wasm_bindgen::JsCast;

    console_error_panic_hook::set_once();
    log::set_max_level(log::LevelFilter::Warn);
    drop(log::set_logger(&ConsoleLogger));
    match js_sys::global().dyn_into::<web_sys::Window>() {
        Ok(_) => app::app::run(),
        Err(_) => node::run_worker(),
    }
}

/// Warnings and errors go to the browser's console; nothing else is worth its bytes.
#[cfg(target_arch = "wasm32")]
struct ConsoleLogger;

#[cfg(target_arch = "wasm32")]
impl log::Log for ConsoleLogger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{}: {}", record.target(), record.args());
            web_sys::console::warn_1(&line.into());
        }
    }

    fn flush(&self) {}
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("This is the page. `cargo xtask run` builds it for the browser and serves it.");
}
