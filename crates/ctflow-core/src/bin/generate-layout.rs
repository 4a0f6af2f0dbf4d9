//! Prints src/layout.generated.ts from the row and the plan. Run by `npm run generate`.

fn main() {
    print!("{}", ctflow_core::layout::typescript());
}
