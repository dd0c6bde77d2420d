package registry

import "context"

// Repositories lists the registry's repositories, all pages.
func (r *Registry) Repositories() ([]string, error) {
	r.log("repositories url=%s/v2/_catalog", r.URL)
	host, err := r.host()
	if err != nil {
		return nil, err
	}
	list, err := r.Client.RegistryCatalog(context.Background(), host)
	if err != nil {
		return nil, failed("Get", err)
	}
	return list.Repositories, nil
}

// Tags lists the tags of a repository, all pages.
func (r *Registry) Tags(repository string) ([]string, error) {
	r.log("tags url=%s/v2/%s/tags/list repository=%s", r.URL, repository, repository)
	name, err := r.reference(repository, "")
	if err != nil {
		return nil, err
	}
	list, err := r.Client.RepositoryTags(context.Background(), name)
	if err != nil {
		return nil, failed("Get", err)
	}
	return list.Tags, nil
}
