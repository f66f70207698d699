//! Real GitOps engines apply resources of a running operator: Flux's source-controller and kustomize-controller, and Argo CD's
//! application controller with its repository server. `make gitops` builds them and runs these stories; `make test` does neither.

mod argo_cd;
mod argo_cd_stories;
mod flux;
mod flux_stories;
mod platform;
mod program;
mod registry;

use crate::evaluator::read;

#[test]
fn the_guide_names_the_versions_of_the_engines() {
    let guide = read("docs/gitops.md");
    let pinned = [
        ("flux", "fluxcd/source-controller", "source-controller "),
        (
            "flux",
            "fluxcd/kustomize-controller",
            "kustomize-controller ",
        ),
        ("argocd", "argoproj/argo-cd/v3", "Argo CD | "),
    ];
    for (tool, module, name) in pinned {
        let file = read(&format!("tools/{tool}/go.mod"));
        let pin = format!("github.com/{module} v");
        let mut lines = file.lines().map(str::trim);
        let version = lines.find_map(|line| line.strip_prefix(&pin));
        let version = version.unwrap().split(' ').next().unwrap();
        let words = format!("{name}v{version}");
        let after = guide.split_once(&words).map(|(_, after)| after);
        let whole = after.is_some_and(|after| after.starts_with([' ', ',']));
        assert!(whole, "docs/gitops.md does not name {words}");
    }
}
