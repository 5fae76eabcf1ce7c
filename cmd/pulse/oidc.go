package main

import (
	"net/url"
	"strings"

	"pulse/web"
)

// oidcFlags are the flags of a provider of logins to the page.
type oidcFlags struct {
	issuer string
	client string
	secret string
	scopes string
	claim  string
	roles  string
}

func (o *oidcFlags) add(f *flags) {
	f.StringVar(&o.issuer, "oidc-issuer", "", "the `address` of an OpenID Connect provider by which browsers log in")
	f.StringVar(&o.client, "oidc-client-id", "", "the `id` that the provider knows this dashboard by")
	f.StringVar(&o.secret, "oidc-client-secret", "", "the `secret` of that client; none of a public one")
	f.StringVar(&o.scopes, "oidc-scopes", "profile,email", "a comma list of `scopes` to ask for besides openid")
	f.StringVar(&o.claim, "oidc-claim", "groups", "the `claim` with a user's groups; dots lead into claims")
	f.StringVar(&o.roles, "oidc-role", "", "`roles` of groups, as edit=sre,lines=dev; who is in none of them has none; read=* is for all")
}

func (o *oidcFlags) check(page string) error {
	if o.issuer == "" {
		if o.client != "" || o.secret != "" || o.roles != "" {
			return usagef("--oidc-client-id, --oidc-client-secret and --oidc-role need --oidc-issuer")
		}
		return nil
	}
	if u, err := url.Parse(o.issuer); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return usagef("--oidc-issuer %q is not the address of a provider: write https://host, perhaps with a path, as its /.well-known/openid-configuration names it", o.issuer)
	}
	if strings.HasSuffix(o.issuer, "/.well-known/openid-configuration") {
		return usagef("--oidc-issuer is the address before /.well-known/openid-configuration")
	}
	switch {
	case o.client == "":
		return usagef("--oidc-issuer needs --oidc-client-id, which the provider gives")
	case page == "":
		return usagef("--oidc-issuer needs --http-url, the address by which browsers reach the page: the provider sends them back to its /login/callback")
	case o.roles == "":
		return usagef("--oidc-issuer needs --oidc-role: without it nobody has a role; write for example edit=sre,lines=dev, or read=* for all who can log in")
	case o.claim == "":
		return usagef("--oidc-claim is empty: name the claim that has groups")
	}
	if _, err := web.ParseClaimRoles(o.roles); err != nil {
		return usagef("--oidc-role: %w", err)
	}
	return nil
}

// config is the provider of a page at an address; nil: there is none.
func (o *oidcFlags) config(page *url.URL) (*web.OIDCConfig, error) {
	if o.issuer == "" {
		return nil, nil
	}
	roles, err := web.ParseClaimRoles(o.roles)
	return &web.OIDCConfig{Issuer: o.issuer, ClientID: o.client, ClientSecret: o.secret, Scopes: list(o.scopes), Claim: o.claim, Roles: roles, URL: page}, err
}
